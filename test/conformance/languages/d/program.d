import core.stdc.stdlib : exit;
import core.thread : Thread;
import std.algorithm;
import std.array;
import std.conv;
import std.file;
import std.range;
import std.stdio;
import std.string;

void main(string[] all)
{
    auto args = all[1 .. $];
    switch (args[0])
    {
    case "unicode":
        writeln("héllo 世界 🎉");
        writeln(readln().strip);
        break;
    case "args":
        writeln(args[1 .. $].join("\n"));
        break;
    case "eof":
        writeln(stdin.byLine.walkLength);
        break;
    case "files":
        std.file.write("/mnt/data/out.txt", to!string(2 * readText("data/in.txt").strip.to!int));
        break;
    case "exit":
        exit(7);
    case "crash":
        writeln(args[5]); // the line that fails
        break;
    case "threads":
        auto sums = new long[4];
        Thread[] threads;
        foreach (at, n; [10, 20, 30, 40])
            threads ~= (size_t at, int n) { return new Thread({ sums[at] = iota(n).sum; }).start; }(at, n);
        foreach (thread; threads)
            thread.join;
        writeln(sums.sum);
        break;
    case "library":
        writeln("banana apple apple".split.sort.group.map!(it => it[0] ~ ":" ~ it[1].to!string).join(" "));
        break;
    case "work":
        int count;
        foreach (n; 2 .. args[1].to!int)
        {
            int d = 2;
            while (d * d <= n && n % d)
                d++;
            count += d * d > n;
        }
        writeln(count);
        break;
    default:
        writeln("before");
        for (;;)
            Thread.yield;
    }
}
