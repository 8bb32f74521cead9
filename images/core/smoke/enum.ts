// TypeScript that goes beyond erasable types: an enum needs a transformation.
enum Colour {
  Red = 1,
  Green,
}
const name: string = Colour[2] as string;
if (name !== 'Green') throw new Error(`an enum does not work: ${name}`);
