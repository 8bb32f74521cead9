import { section } from '../setting.ts';
import { algorithms, apiKeys, choice, flag, keyLocation, keyNames, text } from '../values.ts';

const setting = section('Access');

export const authentication = {
  mode: setting('DRAGOMAN_AUTH', {
    value: choice('keys', 'jwt', 'keys+jwt', 'open'),
    default: 'keys',
    help: "Which credentials are accepted: API keys (`keys`), LibreChat's tokens (`jwt`), both (`keys+jwt`), or none needed (`open`, on a loopback host only).",
  }),
  keys: setting('DRAGOMAN_API_KEYS', {
    value: apiKeys(),
    unset: 'one key is made at the first start',
    secret: true,
    help: 'API keys as `name:secret` or `secret`, separated by commas. Files belong to the name: keep it when you renew a secret.',
  }),
  adminKeys: setting('DRAGOMAN_ADMIN_KEYS', {
    value: keyNames(),
    unset: 'none of them',
    help: 'Names of keys of `DRAGOMAN_API_KEYS` that have the right `admin`, separated by commas. Keys of the data directory get it by `dragoman keys rights`.',
  }),
  jwt: {
    issuer: setting('DRAGOMAN_JWT_ISSUER', {
      value: text(),
      default: 'librechat',
      help: 'The `iss` that a token must carry.',
    }),
    audience: setting('DRAGOMAN_JWT_AUDIENCE', {
      value: text(),
      default: 'codeapi',
      help: 'The `aud` that a token must carry.',
    }),
    keys: setting('DRAGOMAN_JWT_KEYS', {
      value: keyLocation(),
      unset: 'none; must be set when tokens are accepted',
      help: 'Keys that verify tokens: a JWKS (file, or URL with https, or http on loopback), a PEM file, or a directory of `<kid>.pem`, `<kid>.jwk` or `<kid>.json`.',
    }),
    algorithms: setting('DRAGOMAN_JWT_ALGORITHMS', {
      value: algorithms(),
      default: 'EdDSA,RS256',
      help: 'Signature algorithms accepted in tokens; `HS256` works only when it is listed here.',
    }),
    requireTenant: setting('DRAGOMAN_JWT_REQUIRE_TENANT', {
      value: flag(),
      default: 'false',
      help: 'Refuse tokens without a `tenant_id`.',
    }),
  },
};
