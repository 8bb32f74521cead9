import type { Deadline } from './deadline.ts';

/** A body that has stood still for so long is given up, in milliseconds. */
const idleMs = 60_000;

/** A content that is read while it arrives, once. */
export interface Download {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** In bytes, where the service knows it before. */
  readonly size: number | undefined;
  readonly type: string;
  text(): Promise<string>;
  json(): Promise<unknown>;
  blob(): Promise<Blob>;
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
}

/** Hands a body on and ends it with an error when nothing of it arrives any more. */
export function downloadOf({ response, deadline }: { response: Response; deadline: Deadline }): Download {
  const reader = response.body?.getReader();
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        deadline.restart(idleMs);
        try {
          const read = await reader?.read();
          // While the reader does not take the piece, the service is not late.
          deadline.stop();
          if (read?.value) controller.enqueue(read.value as Uint8Array<ArrayBuffer>);
          else controller.close();
        } catch (error) {
          controller.error(deadline.signal.aborted ? deadline.signal.reason : error);
        }
      },
      async cancel(reason) {
        deadline.stop();
        await reader?.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  deadline.stop();
  const type = response.headers.get('content-type') ?? 'application/octet-stream';
  const length = response.headers.get('content-length');
  const whole = () => new Response(body, { headers: { 'content-type': type } });
  return {
    body,
    size: length === null ? undefined : Number(length),
    type,
    text: () => whole().text(),
    json: () => whole().json(),
    blob: () => whole().blob(),
    bytes: async () => new Uint8Array(await whole().arrayBuffer()),
  };
}
