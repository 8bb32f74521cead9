import { hash } from 'node:crypto';

/**
 * The form in which an API key's secret is kept and compared: sha256 in lower-case hexadecimal. A plain hash is enough
 * because generated secrets are 256 random bits; comparing hashes leaves no timing to learn a secret from.
 */
export function secretHash(secret: string): string {
  return hash('sha256', secret, 'hex');
}
