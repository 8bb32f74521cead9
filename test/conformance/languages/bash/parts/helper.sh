plus() { echo $(($1 + 6)); }
