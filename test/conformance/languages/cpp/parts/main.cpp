#include <bits/stdc++.h>
#include "shapes/square.hpp"
#include "helper.hpp"
using namespace std;
int main() { cout << "parts " << plus_six(area(6)) << endl; }
