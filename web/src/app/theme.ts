import { signal } from '@preact/signals';

type Choice = 'system' | 'light' | 'dark';

const system = matchMedia('(prefers-color-scheme: dark)');
const stored = (): Choice => {
  const said = localStorage.getItem('theme');
  return said === 'light' || said === 'dark' ? said : 'system';
};

export const theme = signal<'light' | 'dark'>('light');

function apply(): void {
  const choice = stored();
  const applied = choice === 'system' ? (system.matches ? 'dark' : 'light') : choice;
  // Those that follow the signal read the colours.
  document.documentElement.dataset.theme = applied;
  theme.value = applied;
}

/** Follows the system until a person chooses. */
export function startTheme(): void {
  apply();
  system.addEventListener('change', apply);
}

export function toggleTheme(): void {
  localStorage.setItem('theme', theme.value === 'dark' ? 'light' : 'dark');
  apply();
}
