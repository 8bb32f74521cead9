/** An API key as it is kept: never the secret itself. */
export interface KeyRecord {
  readonly id: string;
  readonly name: string;
  /** sha256 of the secret in lower-case hexadecimal: secrets are 256-bit random or chosen by the operator's configuration. */
  readonly hash: string;
  /** Name of its plan; null: the default one. */
  readonly plan: string | null;
  /** It has the right `admin`. */
  readonly isAdmin: boolean;
  readonly createdAt: number;
  readonly revokedAt: number | null;
}

/** API keys. */
export interface KeyRecords {
  /**
   * Records a key. Two keys never have the same id or hash, revoked or not; two live keys never have the same name.
   * @throws DragomanError invalid_request when one of them is taken
   */
  create(key: KeyRecord): Promise<void>;
  /** A key by the hash of its secret, unless revoked. */
  findByHash(hash: string): Promise<KeyRecord | undefined>;
  /** All keys, oldest first, revoked ones too. */
  list(): Promise<KeyRecord[]>;
  /** Gives the live key with this id, else the one with this name, another plan. Returns false when there is neither. */
  setPlan(idOrName: string, plan: string | null): Promise<boolean>;
  /** Gives or takes the right `admin`, in the same way. */
  setAdmin(idOrName: string, isAdmin: boolean): Promise<boolean>;
  /** Revokes the live key with this id, else the one with this name. Returns false when there is neither. */
  revoke(idOrName: string, now: number): Promise<boolean>;
}
