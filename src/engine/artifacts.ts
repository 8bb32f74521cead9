import { createHash } from 'node:crypto';
import { type Limits, maxPathDepth } from '../core/index.ts';
import type { Workspace } from '../sandbox/index.ts';
import type { Artifact, EngineInput } from './port.ts';

export interface WorkspaceDiff {
  readonly artifacts: readonly Artifact[];
  /** Inputs that are what they were; changes to read-only ones do not count. */
  readonly inherited: readonly string[];
  /** Inputs that are gone. */
  readonly deleted: readonly string[];
  /** Files were left out because of a limit. */
  readonly truncated: boolean;
}

/** Compares the workspace after a run with what was staged. `entry` is the submitted source: it counts only if changed. */
export async function diffWorkspace(
  workspace: Workspace,
  inputs: readonly EngineInput[],
  entry: { path: string; code: string } | undefined,
  limits: Limits,
): Promise<WorkspaceDiff> {
  const listing = await workspace.list({ entries: limits.workspaceFiles, depth: maxPathDepth });
  const found = new Map(listing.files.map((file) => [file.path, file]));
  let truncated = listing.truncated;
  const inherited: string[] = [];
  const deleted: string[] = [];
  const artifacts: Artifact[] = [];

  const take = async (
    path: string,
    size: number,
    change: Artifact['change'],
    unchanged: { size: number; digest: string } | undefined,
  ) => {
    const full = artifacts.length >= limits.artifacts || size > limits.artifactBytes;
    // Equal size is the only reason to look inside a file that would not be kept anyway.
    if (full && unchanged?.size !== size) {
      truncated = true;
      return false;
    }
    const content = await workspace.open(path);
    if (!content) return false;
    // What still runs may have made it larger since it was listed; from here on it has the size it was opened with.
    const kept = !full && content.size <= limits.artifactBytes;
    const same = unchanged?.size === content.size && unchanged.digest === (await content.digest());
    if (same || !kept) {
      content.close();
      truncated ||= !same;
      return same;
    }
    artifacts.push({ path, change, content });
    return false;
  };

  try {
    for (const input of inputs) {
      const { path } = input;
      // A listing has bounds and passes over hidden directories: what it lacks is not gone for that.
      const size = found.get(path)?.size ?? (await sizeOf(workspace, path));
      if (input.readOnly) inherited.push(path);
      else if (size === undefined) deleted.push(path);
      else if (await take(path, size, 'modified', input)) inherited.push(path);
      found.delete(path);
    }
    for (const { path, size } of found.values())
      await take(path, size, 'created', path === entry?.path ? source(entry.code) : undefined);
  } catch (error) {
    for (const artifact of artifacts) artifact.content.close();
    throw error;
  }
  return { artifacts, inherited, deleted, truncated };
}

async function sizeOf(workspace: Workspace, path: string): Promise<number | undefined> {
  const content = await workspace.open(path);
  content?.close();
  return content?.size;
}

function source(code: string): { size: number; digest: string } {
  return { size: Buffer.byteLength(code), digest: createHash('sha256').update(code).digest('hex') };
}
