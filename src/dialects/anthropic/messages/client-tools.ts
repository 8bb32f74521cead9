type Schema = Readonly<Record<string, unknown>>;

const text = { type: 'string' };
const integer = { type: 'integer' };
const place = { type: 'array', items: integer, minItems: 2, maxItems: 2 };

function object(required: readonly string[], properties: Schema): Schema {
  return { type: 'object', properties, required };
}

const range = { type: 'array', items: integer, minItems: 2, maxItems: 2, description: 'First and last line, from 1.' };

/** Tools whose input the vendor has defined and the client runs, by the beginning of their type. Models of others need the schema. */
const schemas: readonly (readonly [prefix: string, schema: Schema])[] = [
  ['bash_20', object([], { command: text, restart: { type: 'boolean' } })],
  [
    'text_editor_20',
    object(['command', 'path'], {
      command: { type: 'string', enum: ['view', 'create', 'str_replace', 'insert'] },
      path: text,
      file_text: text,
      old_str: text,
      new_str: text,
      insert_line: integer,
      insert_text: text,
      view_range: range,
    }),
  ],
  [
    'memory_20',
    object(['command'], {
      command: { type: 'string', enum: ['view', 'create', 'str_replace', 'insert', 'delete', 'rename'] },
      path: { ...text, description: 'In /memories.' },
      view_range: range,
      file_text: text,
      old_str: text,
      new_str: text,
      insert_line: integer,
      insert_text: text,
      old_path: text,
      new_path: text,
    }),
  ],
  [
    'computer_20',
    object(['action'], {
      action: {
        type: 'string',
        enum: [
          'key',
          'type',
          'mouse_move',
          'left_click',
          'left_click_drag',
          'right_click',
          'middle_click',
          'double_click',
          'triple_click',
          'left_mouse_down',
          'left_mouse_up',
          'scroll',
          'hold_key',
          'wait',
          'screenshot',
          'cursor_position',
          'zoom',
        ],
      },
      coordinate: place,
      start_coordinate: place,
      text,
      duration: { type: 'number' },
      scroll_direction: { type: 'string', enum: ['up', 'down', 'left', 'right'] },
      scroll_amount: integer,
      region: { type: 'array', items: integer, minItems: 4, maxItems: 4 },
    }),
  ],
];

/** The input of a tool of this type; undefined for a type that is not known. */
export function clientToolSchema(type: string): Schema | undefined {
  return schemas.find(([prefix]) => type.startsWith(prefix))?.[1];
}
