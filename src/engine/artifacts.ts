import { createHash } from 'node:crypto';
import { type Limits, maxPathDepth, modeOf } from '../core/index.ts';
import type { Baseline, CollectLimits, KnownFile, Workspace } from '../sandbox/index.ts';
import type { Artifact, EngineInput } from './port.ts';

export interface WorkspaceDiff {
  readonly artifacts: readonly Artifact[];
  /** Inputs that are unchanged; changes to read-only ones do not count. */
  readonly inherited: readonly string[];
  /** Inputs that are gone. */
  readonly deleted: readonly string[];
  /** The empty folders that are left, sorted. */
  readonly folders: readonly string[];
  /** Folders whose files are left out because they are caches. */
  readonly caches: readonly string[];
  /** Files were left out because of a limit. */
  readonly truncated: boolean;
}

/** How much of a workspace is collected under these limits. */
export function collectLimits({ workspaceBytes, workspaceFiles, artifacts, artifactBytes }: Limits): CollectLimits {
  const files = { files: artifacts, fileBytes: artifactBytes, totalBytes: workspaceBytes };
  return { entries: workspaceFiles, depth: maxPathDepth, ...files };
}

/** What a program's workspace held when it started: its inputs, and its source if it is there. */
export function stagedFiles(
  inputs: readonly EngineInput[],
  entry?: { readonly path: string; readonly code: string },
): Baseline {
  return new Map<string, KnownFile>([
    ...inputs.map((input) => {
      const { path, size, digest, readOnly } = input;
      return [path, { size, digest, readOnly, mode: modeOf(input) }] as const;
    }),
    ...(entry ? [[entry.path, { size: Buffer.byteLength(entry.code), digest: sha256(entry.code) }] as const] : []),
  ]);
}

/** Compares the workspace after a run with what was staged. `source` is the submitted code: it counts only if changed. */
export async function diffWorkspace(
  workspace: Workspace,
  staged: Baseline,
  source: string,
  limits: Limits,
): Promise<WorkspaceDiff> {
  const { files, unchanged, gone, folders, caches, truncated } = await workspace.changes(staged, collectLimits(limits));
  return {
    artifacts: files.map((file) => (file.path === source ? { ...file, change: 'created' } : file)),
    inherited: unchanged.filter((path) => path !== source),
    deleted: gone.filter((path) => path !== source),
    folders,
    caches,
    truncated,
  };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
