import helper;
import shapes.square;
import std.stdio;

void main()
{
    writeln("parts ", plus(area(6)));
}
