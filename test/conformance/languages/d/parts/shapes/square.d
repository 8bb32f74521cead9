module shapes.square;

int area(int side)
{
    return side * side;
}
