int plus(int n);
