import { z } from 'zod';

/** What a sandbox may say of a file. Everything is bounded here again, because the sandbox may say anything. */

// The program counts characters, and some take two units here.
const name = z.string().max(400);
const sentence = z.string().max(1000);
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

const kinds = (
  'table spreadsheet database arrays document presentation pdf page markdown message ' +
  'image drawing notebook archive sound film code text json binary'
).split(' ');

const column = z.strictObject({
  name,
  type: z
    .enum(['whole', 'number', 'text', 'date', 'time', 'boolean', 'mixed', 'other', 'empty'])
    .describe('Of the rows that were looked at.'),
  empty: count.describe('How many of these rows have nothing there.'),
  examples: z.array(name).max(3),
});

const table = z.strictObject({
  name: name.describe('Of the sheet or table; empty where the file is one table.'),
  rows: count.nullable().describe('Null: counting them takes too long.'),
  column_count: count,
  columns: z.array(column).max(60),
});

/** A file in short. Fields that do not apply are absent. */
export const summarySchema = z
  .strictObject({
    kind: z.enum(kinds),
    title: name.optional(),
    tables: z.array(table).max(20).optional(),
    table_count: count.optional(),
    pages: count.optional().describe('Of a presentation: slides.'),
    words: count.optional(),
    lines: count.optional(),
    cells: count.optional(),
    language: name.optional(),
    outline: z.array(name).max(50).optional().describe('Headings.'),
    width: count.optional().describe('In pixels, as `height`.'),
    height: count.optional(),
    frames: count.optional(),
    seconds: z.number().min(0).max(1e9).optional(),
    entry_count: count.optional(),
    entries: z
      .array(z.strictObject({ name, size: count }))
      .max(100)
      .optional(),
    shape: sentence.optional().describe('What is in a JSON file.'),
    excerpt: sentence.optional().describe('How its text begins.'),
    details: z.record(z.string().max(80), sentence).optional(),
    truncated: z.boolean().optional().describe('Lists are shorter than what they list.'),
  })
  .meta({ id: 'FileSummary' });

export type Summary = z.infer<typeof summarySchema>;
