import type { FastifyInstance } from 'fastify';
import { DragomanError } from '../../core/index.ts';
import { addRoute } from '../../http/index.ts';
import { kernelRoutes as routes } from './contract/kernels.ts';
import type { NativeServices } from './services.ts';
import { kernelAnswer } from './translate.ts';

/** Several kernels in one session. */
export function addKernelRoutes(app: FastifyInstance, { kernels }: Pick<NativeServices, 'kernels'>): void {
  addRoute(app, routes.create, async ({ params: { session_id: id }, body }, { principal }, reply) => {
    const { language, directory } = body;
    const kernel = await kernels.create(principal, id, { language, directory: directory ?? undefined });
    return reply.code(201).header('location', `/v1/sessions/${id}/kernels/${kernel.id}`).send(kernelAnswer(kernel));
  });
  addRoute(app, routes.list, async ({ params }, { principal }) => ({
    data: (await kernels.list(principal, params.session_id)).map(kernelAnswer),
  }));
  addRoute(app, routes.read, async ({ params: { session_id: id, kernel_id: kernelId } }, { principal }) => {
    const found = (await kernels.list(principal, id)).find((kernel) => kernel.id === kernelId);
    if (!found) throw new DragomanError('not_found', { message: 'Kernel not found' });
    return kernelAnswer(found);
  });
  addRoute(app, routes.restart, async ({ params: { session_id: id, kernel_id: kernelId } }, { principal }) =>
    kernelAnswer(await kernels.restart(principal, id, kernelId)),
  );
  addRoute(app, routes.delete, async ({ params: { session_id: id, kernel_id: kernelId } }, { principal }, reply) => {
    await kernels.delete(principal, id, kernelId);
    return reply.code(204).send();
  });
}
