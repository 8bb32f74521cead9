import type { Step } from './runner.ts';

/** A step in Python. */
export function line(step: Step): string {
  const text = JSON.stringify;
  if ('print' in step) return `print(${text(step.print)}, end="", flush=True)`;
  if ('printBytes' in step) return `sys.stdout.buffer.write(bytes(${text(step.printBytes)}))`;
  if ('write' in step) return `pathlib.Path(${text(step.write[0])}).write_text(${text(step.write[1])})`;
  if ('remove' in step) return `os.remove(${text(step.remove)})`;
  if ('mode' in step) return `os.chmod(${text(step.mode[0])}, ${step.mode[1]})`;
  if ('showMode' in step) return `print(format(os.stat(${text(step.showMode)}).st_mode & 0o7777, "o"), end="")`;
  if ('folder' in step) return `os.makedirs(${text(step.folder)})`;
  if ('folders' in step)
    return 'print(",".join(sorted(str(p) for p in pathlib.Path().rglob("*") if p.is_dir())), end="")';
  if ('show' in step) return `print(pathlib.Path(${text(step.show)}).read_text(), end="")`;
  if ('list' in step) return 'print(",".join(sorted(os.listdir())), end="")';
  if ('ask' in step) return 'print(await tools.ask(), end="")';
  return 'while True: time.sleep(0.05)';
}
