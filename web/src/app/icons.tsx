/** Icons of 16 by 16, drawn with the colour of the text around them. */
const paths = {
  chat: 'M2.5 3.5h11v7.5H7l-3 2.5V11H2.5z',
  book: 'M4 2h9v12H4zM4 5H2.5M4 8H2.5M4 11H2.5M7 5.5h3.5M7 8h3.5',
  file: 'M4 1.8h5l3.2 3.3v9.1H4zM9 1.8v3.4h3.2',
  eye: 'M1.5 8S4 3.8 8 3.8 14.5 8 14.5 8 12 12.2 8 12.2 1.5 8 1.5 8z M6.1 8a1.9 1.9 0 1 0 3.8 0a1.9 1.9 0 1 0 -3.8 0',
  gauge: 'M2.3 12a6.3 6.3 0 1 1 11.4 0M8 9.5l2.7-3.4',
  tri: 'M6 4l4 4-4 4',
  play: 'M5 3.2v9.6L12.6 8z',
  stop: 'M4.2 4.2h7.6v7.6H4.2z',
  clip: 'M13 7.4L8 12.4a3 3 0 0 1-4.3-4.2l5.1-5a2 2 0 0 1 2.9 2.8l-5 5a1 1 0 0 1-1.5-1.4l4.5-4.5',
  copy: 'M5.5 5.5h8v8h-8zM3.5 10.5h-1v-8h8v1',
  down: 'M8 2v8M4.8 7L8 10.2 11.2 7M2.5 13.5h11',
  up: 'M8 13.5V3M4 7l4-4 4 4',
  redo: 'M13 8a5 5 0 1 1-1.6-3.7M13.2 1.8v3h-3',
  pen: 'M3 13l.7-3L11 2.7l2.3 2.3L6 12.3z',
  fork: 'M4 5v1.5A2 2 0 0 0 6 8.5h4a2 2 0 0 0 2-2V5M8 8.5V11 M2.4 3.4a1.6 1.6 0 1 0 3.2 0a1.6 1.6 0 1 0 -3.2 0 M10.4 3.4a1.6 1.6 0 1 0 3.2 0a1.6 1.6 0 1 0 -3.2 0 M6.4 12.6a1.6 1.6 0 1 0 3.2 0a1.6 1.6 0 1 0 -3.2 0',
  more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  prompt: 'M3 4l4 4-4 4M8 12.5h5',
  plus: 'M8 3v10M3 8h10',
  warn: 'M8 2L14.4 13.4H1.6zM8 6.5v3M8 11.6h.01',
  share: 'M8 10V2M5 4.6L8 1.8l3 2.8M3 8v5.5h10V8',
  side: 'M2 3h12v10H2zM10 3v10',
  sun: 'M8 2.2a5.8 5.8 0 1 0 0 11.6z M2.2 8a5.8 5.8 0 1 0 11.6 0a5.8 5.8 0 1 0 -11.6 0',
  key: 'M10 2.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 1 0 0-7M7.5 8.5L2.5 13.5M4 12l1.5 1.5',
  out: 'M6.5 2.5h-4v11h4M7 8h6.5M10.5 5l3 3-3 3',
  search: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 1 0 0-9M10.5 10.5l3.5 3.5',
  cross: 'M4 4l8 8M12 4l-8 8',
  trash: 'M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.5 9h6l.5-9',
  check: 'M3 8.5l3.5 3.5L13 4.5',
} as const;

export type IconName = keyof typeof paths;

/** Always beside a word, or in a control that has a name. */
export function Icon({ name, turns = false }: { name: IconName; turns?: boolean }) {
  return (
    <svg class={turns ? 'i tw' : 'i'} viewBox="0 0 16 16" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
