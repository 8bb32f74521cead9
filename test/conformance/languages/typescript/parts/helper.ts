export const plus = (n: number): number => n + 6;
