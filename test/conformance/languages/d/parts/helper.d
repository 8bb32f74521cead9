module helper;

int plus(int n)
{
    return n + 6;
}
