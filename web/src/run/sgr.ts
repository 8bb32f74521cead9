/** Colours of terminals as classes of ours, so that they are legible in both themes. */

const names = ['gray', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', ''] as const;
const flags: Readonly<Record<number, string>> = { 1: 'a-bold', 2: 'a-dim', 3: 'a-italic', 4: 'a-under' };
const ends: Readonly<Record<number, readonly string[]>> = {
  22: ['a-bold', 'a-dim'],
  23: ['a-italic'],
  24: ['a-under'],
};

/** Classes after an SGR escape. @param before classes in force, separated by spaces */
export function sgrClass(before: string, parameters: string): string {
  let classes = before === '' ? [] : before.split(' ');
  const codes = parameters.split(/[;:]/).map(Number);
  const colour = (name: string) => {
    classes = classes.filter((each) => flagged(each));
    if (name !== '') classes.push(`a-${name}`);
  };
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at]!;
    if (code === 0) classes = [];
    else if (flags[code]) classes.push(flags[code]);
    else if (ends[code]) classes = classes.filter((each) => !ends[code]!.includes(each));
    else if (code >= 30 && code <= 37) colour(names[code - 30]!);
    else if (code >= 90 && code <= 97) colour(names[code - 90]!);
    else if (code === 39) colour('');
    else if (code === 38 || code === 48) {
      const isShort = codes[at + 1] === 5;
      const name = isShort
        ? ofPalette(codes[at + 2] ?? 7)
        : ofRgb(codes[at + 2] ?? 0, codes[at + 3] ?? 0, codes[at + 4] ?? 0);
      if (code === 38) colour(name);
      at += isShort ? 2 : 4;
    }
  }
  return [...new Set(classes)].join(' ');
}

const flagged = (name: string) => Object.values(flags).includes(name);

function ofPalette(index: number): string {
  if (index < 16) return names[index % 8]!;
  if (index >= 232) return 'gray';
  const cube = index - 16;
  return ofRgb(Math.floor(cube / 36) * 51, (Math.floor(cube / 6) % 6) * 51, (cube % 6) * 51);
}

/** The nearest of our colours by hue. */
function ofRgb(red: number, green: number, blue: number): string {
  const most = Math.max(red, green, blue);
  const least = Math.min(red, green, blue);
  if (most - least < 40) return most > 200 || most < 60 ? '' : 'gray';
  const near = (value: number) => value > (most + least) / 2;
  const index = (near(red) ? 1 : 0) + (near(green) ? 2 : 0) + (near(blue) ? 4 : 0);
  return names[index] ?? '';
}
