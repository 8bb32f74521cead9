import type { Progress } from '../host/index.ts';

const phases: [start: RegExp, text: string][] = [
  [/^I: running apt-get update/, 'Reading package lists'],
  [/^I: downloading packages/, 'Downloading the base system'],
  [/^I: extracting archives/, 'Unpacking the base system'],
  [/^I: installing essential packages/, 'Setting up the base system'],
  [/^I: installing remaining packages/, 'Installing packages'],
  [/^I: running --customize-hook/, 'Preparing interpreters and fonts'],
  [/^I: creating tarball/, 'Writing the image'],
];

/** Turns what mmdebstrap, apt and dpkg print into phases and counts. */
export function followBootstrap(progress: Progress): (line: string) => void {
  let total = 0;
  let fetched = 0;
  let unpacked = 0;
  let configured = 0;
  return (line) => {
    const phase = phases.find(([start]) => start.test(line));
    if (phase) {
      progress.phase(phase[1]);
      total = fetched = unpacked = configured = 0;
    }
    const counted = /, (\d+) newly installed,/.exec(line)?.[1];
    if (counted) {
      total = Number(counted);
      fetched = 0;
    } else if (/^Get:\d+ /.test(line)) fetched++;
    else if (line.startsWith('Unpacking ')) unpacked++;
    else if (line.startsWith('Setting up ')) configured++;
    else return;
    if (configured + unpacked > 0)
      progress.detail(total > 0 ? `${unpacked} unpacked, ${configured} set up, of ${total}` : `${configured} set up`);
    else if (fetched > 0) progress.detail(total > 0 ? `${fetched} of ${total} downloaded` : `${fetched} downloaded`);
  };
}
