exports.plus = (n) => n + 6;
