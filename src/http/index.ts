export { type Authenticator, type AuthenticatorOptions, createAuthenticator } from './authentication/authenticator.ts';
export type { Dialect, DialectContext, Problem } from './dialect.ts';
export { contentDisposition, fileAnswer, sendFile } from './downloads.ts';
export { type Frame, sendEvents } from './event-stream.ts';
export { MultipartForm } from './multipart-form.ts';
export { type Answer, type Content, type Operation, problems } from './operation.ts';
export { parse } from './parse.ts';
export { createServer, type Server, type ServerOptions } from './server.ts';
export { whenGone } from './when-gone.ts';
