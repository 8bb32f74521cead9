int plus_six(int n);
