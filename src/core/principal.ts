/** Who asks. Made by authentication, never by a request body. */
export interface Principal {
  /** Stable over credentials' renewal: the key's id, or the JWT's tenant and subject. */
  readonly id: string;
  /** Agents' and skills' files are shared within a tenant; every API key is a tenant of its own. */
  readonly tenant: string;
  /** For logs: the key's name or how the caller came in. */
  readonly name: string;
  /** Opaque: what its credential was issued for. What was begun under one context is not continued under another. */
  readonly authContext?: string | undefined;
  /** Name of its plan, one that exists; absent: the default one. */
  readonly plan?: string | undefined;
  /** It has the right `admin`: it may see and end what others run, and manage keys. Only API keys have rights. */
  readonly isAdmin?: true | undefined;
}
