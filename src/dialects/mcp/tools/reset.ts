import { z } from 'zod';
import { DragomanError } from '../../../core/index.ts';
import { parse } from '../../../http/index.ts';
import type { Call } from '../call.ts';
import { sessionNote, type ToolAnswer, textBlock } from '../content.ts';
import type { McpServices } from '../services.ts';
import { workplaceOf } from '../workplace.ts';
import { optionalFlag, optionalHandle } from './arguments.ts';
import { sessionIdProperty, type Tool } from './tool.ts';

const resetArguments = z.object({ session_id: optionalHandle, delete_files: optionalFlag });

export const resetSession: Tool = {
  name: 'reset_session',
  rateClass: 'exec',
  isLong: false,
  definition: () => ({
    name: 'reset_session',
    title: 'Reset the session',
    description: 'Ends what runs in the session and forgets all variables. Files stay, unless delete_files is true.',
    inputSchema: {
      type: 'object',
      properties: {
        session_id: sessionIdProperty,
        delete_files: { type: 'boolean', default: false, description: 'Delete all files as well.' },
      },
    },
    annotations: {
      title: 'Reset the session',
      readOnlyHint: false,
      destructiveHint: true,
      idempotentHint: true,
      openWorldHint: false,
    },
  }),
  call: reset,
};

async function reset({ sessions, ...services }: McpServices, { caller }: Call, given: unknown): Promise<ToolAnswer> {
  const { session_id, delete_files } = parse(resetArguments, given);
  const { principal } = caller;
  const { sessionId } = await workplaceOf({ sessions, ...services }, caller, session_id, false);
  await sessions.restart(principal, sessionId);
  const files = delete_files ? await sessions.files(principal, sessionId) : [];
  for (const { name } of files)
    await sessions.removeFile(principal, sessionId, name).catch((error) => {
      // Something else removed it meanwhile.
      if (!(error instanceof DragomanError) || error.code !== 'not_found') throw error;
    });
  const what = delete_files
    ? `Variables and ${files.length} files are gone.`
    : 'Variables are gone, files are still there.';
  return { content: [textBlock(`${what}\n${sessionNote(sessionId)}`)] };
}
