import { describe, expect, it } from 'vitest';
import { addEpilogue } from './epilogue.ts';
import { hintsFor } from './hints.ts';
import { Output } from './output.ts';

const hints = {
  modules: { torch: 'Use numpy.', 'mpl_toolkits.basemap': 'Use geopandas.' },
  commands: { docker: 'There are no containers.' },
  npm: { puppeteer: 'Use jsdom.' },
  r: { sf: 'Use geopandas.' },
};

describe('hints', () => {
  it.each([
    ["ModuleNotFoundError: No module named 'torch'", /^\[torch is not installed, .*no network\. Use numpy\.\]$/],
    ["ModuleNotFoundError: No module named 'torch.nn'", /Use numpy/],
    ["ModuleNotFoundError: No module named 'mpl_toolkits.basemap'", /Use geopandas/],
    ["ModuleNotFoundError: No module named 'nonsense'", /nonsense is not installed.*pip list/],
    ["Error: Cannot find module 'puppeteer'\nRequire stack:", /Use jsdom/],
    [
      "Error [ERR_MODULE_NOT_FOUND]: Cannot find package '@scope/name' imported from /mnt/data/",
      /^\[@scope\/name is not/,
    ],
    ['Error in library(sf) : there is no package called ‘sf’', /^\[sf is not installed.*Use geopandas/],
    ['script.sh: line 3: docker: command not found', /^\[docker is not installed.*no containers/],
    ['/bin/sh: 1: docker: not found', /no containers/],
    ["FileNotFoundError: [Errno 2] No such file or directory: 'docker'", /no containers/],
    ['curl: (6) Could not resolve host: example.com', /^\[There is no network here/],
    ['socket.gaierror: [Errno -3] Temporary failure in name resolution', /no network/],
    ['Error: getaddrinfo EAI_AGAIN registry.example', /no network/],
    ['error[E0432]: unresolved import `rand`', /the crate rand is not installed/],
    ['main.go:2:8: could not import example.com/x/web (open : no such file)', /example\.com\/x\/web is not/],
    ['_tkinter.TclError: no display name and no $DISPLAY environment variable', /no screen/],
    ['EOFError: EOF when reading a line', /put the value into the code/],
  ])('say what replaces what is missing: %s', (stderr, line) => {
    expect(hintsFor(`before\n${stderr}\nafter\n`, hints)).toEqual([expect.stringMatching(line)]);
  });

  it.each([
    ["Error: Cannot find module './lib.js'"],
    ["FileNotFoundError: [Errno 2] No such file or directory: 'data.csv'"],
    ['KeyError: __proto__'],
    ['warning: 3 of 4 values not found in the index'],
    [''],
  ])('say nothing about %j', (stderr) => {
    expect(hintsFor(stderr, hints)).toEqual([]);
  });

  it('are few, and none comes twice', () => {
    const many = Array.from({ length: 50 }, (_, n) => `ModuleNotFoundError: No module named 'm${n % 10}'`).join('\n');
    expect(hintsFor(many, hints)).toHaveLength(3);
    expect(
      hintsFor(`${"No module named 'x'\n".repeat(3)}ModuleNotFoundError: No module named '__proto__'`, hints),
    ).toEqual([expect.stringMatching(/^\[__proto__ is not installed/)]);
  });
});

describe('the end of stderr', () => {
  const ended = (signal: string | null, said = '', outcome: 'completed' | 'timed_out' = 'completed') => {
    const stderr = new Output(1000);
    stderr.push(Buffer.from(said));
    addEpilogue(stderr, { outcome, signal }, { what: 'program', hints });
    return stderr.text().text;
  };

  it('names the signal that ended a program', () => {
    expect(ended('SIGSEGV')).toBe('[the program was ended by SIGSEGV: segmentation fault]\n');
    expect(ended('SIG34', 'half a line')).toBe('half a line\n[the program was ended by SIG34]\n');
  });

  it('says nothing of endings by a limit, nor of a program that ended itself', () => {
    expect(ended('SIGKILL', 'x\n', 'timed_out')).toBe('x\n');
    expect(ended(null, 'x')).toBe('x');
  });

  it('stays within its limit however long stderr is', () => {
    const text = ended('SIGSEGV', 'x'.repeat(100_000));
    expect(text.length).toBeLessThan(1100);
    expect(text).toMatch(/SIGSEGV: segmentation fault\]\n$/);
  });
});
