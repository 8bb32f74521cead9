import type { Logger } from '../../src/core/index.ts';

/** A logger that says nothing. */
export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
