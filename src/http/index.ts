export { type Authenticator, type AuthenticatorOptions, createAuthenticator } from './authentication/authenticator.ts';
export type { Dialect, DialectContext, Problem } from './dialect.ts';
export { createServer, type Server, type ServerOptions } from './server.ts';
