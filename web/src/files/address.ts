import { pathPart } from '../api/http.ts';

/** Where a file of a session is shown. */
export const fileAddress = (sessionId: string, path: string) => `/ui/files/${sessionId}/${pathPart(path)}`;

/** Where a file of a session is downloaded from. */
export const downloadAddress = (sessionId: string, path: string) => `/v1/sessions/${sessionId}/files/${pathPart(path)}`;
