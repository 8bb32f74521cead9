import { expect, it } from 'vitest';
import { mirrorSettings } from './apt-settings.ts';

it('carries what reaches a mirror and nothing that trusts it more', () => {
  const dump = `Acquire "";
Acquire::AllowInsecureRepositories "1";
Acquire::AllowDowngradeToInsecureRepositories "1";
Acquire::Check-Valid-Until "false";
Acquire::Check-Date "false";
Acquire::GzipIndexes "true";
Acquire::Languages:: "none";
Acquire::Retries "3";
Acquire::http "";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::http::Proxy::internal.example "DIRECT";
Acquire::https::CAInfo "/etc/ssl/own.pem";
Acquire::ForceIPv4 "";
`;
  expect(mirrorSettings(dump)).toEqual([
    'Acquire::Check-Valid-Until "false"',
    'Acquire::Check-Date "false"',
    'Acquire::Retries "3"',
    'Acquire::http::Proxy "http://proxy.example:3128"',
    'Acquire::http::Proxy::internal.example "DIRECT"',
    'Acquire::https::CAInfo "/etc/ssl/own.pem"',
  ]);
});
