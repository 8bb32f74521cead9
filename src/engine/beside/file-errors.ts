import { DragomanError, type ErrorCode } from '../../core/index.ts';

const codes: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'not_found',
  EEXIST: 'conflict',
  ENOTEMPTY: 'conflict',
  EBUSY: 'conflict',
  EACCES: 'forbidden',
  EPERM: 'forbidden',
  EROFS: 'forbidden',
  ENOSPC: 'quota_exceeded',
  EDQUOT: 'quota_exceeded',
  EMFILE: 'rate_limited',
  EIO: 'sandbox_unavailable',
  EBADF: 'sandbox_unavailable',
  EAGAIN: 'sandbox_unavailable',
  ENOMEM: 'sandbox_unavailable',
};

/** The error of work with files, from what the guest says of it. */
export function fileError(path: string, errno: string, message: string): DragomanError {
  const code = codes[errno] ?? 'invalid_request';
  const sentence = code === 'quota_exceeded' ? 'the file system of the sandbox is full' : message;
  return new DragomanError(code, { message: `${path.slice(0, 300)}: ${sentence}`, lasting: errno === 'EIO' });
}
