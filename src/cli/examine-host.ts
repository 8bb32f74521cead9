import { loadConfig } from '../config/index.ts';
import { makeTrialSandbox } from '../roles/index.ts';
import { doctor } from './doctor.ts';
import { presentImageRoot } from './image-root.ts';

/** Examines this host with its settings and prints what it finds. Returns whether the service can start. */
export function examineHost(json: boolean): Promise<boolean> {
  const config = loadConfig();
  const imageRoot = presentImageRoot(config.isolation.image, config.stores.dataDir);
  const makeSandbox = () => makeTrialSandbox(config, imageRoot!);
  return doctor(config, { json, print: (line) => console.log(line), imageRoot, makeSandbox });
}
