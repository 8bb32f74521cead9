import std.stdio;

void main()
{
    int broken = "text";
    writeln("it ran");
}
