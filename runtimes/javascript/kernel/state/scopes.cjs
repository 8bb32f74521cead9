'use strict';
// What V8's inspector knows about values and the language does not say: what a function closes over, what a promise became.

/** Looks into values by an inspector session. All of it is synchronous. */
class Scopes {
  #post;
  #receiver;
  #taken;

  /** `post(method, parameters)`: the answer of the session, at once. */
  constructor(post) {
    this.#post = post;
  }

  /** The value of an expression in the scope of cells, and whether there was one. */
  evaluate(expression) {
    const { result, exceptionDetails } = this.#post('Runtime.evaluate', { expression, objectGroup: 'state' });
    if (exceptionDetails) throw this.#value(exceptionDetails.exception);
    return this.#value(result);
  }

  /** Names that cells have declared by let, const and class. */
  names() {
    return this.#post('Runtime.globalLexicalScopeNames', {}).names;
  }

  /** {name: value} of the internal properties of a value, such as `[[BoundThis]]`. */
  internals(value) {
    const found = {};
    for (const { name, value: remote } of this.#properties(value).internalProperties ?? [])
      found[name] = name === '[[Scopes]]' ? remote : this.#value(remote);
    return found;
  }

  /** Scopes of a function beside those of all cells: [{kind, names, values}]. */
  closures(fn) {
    const list = this.#properties(fn).internalProperties?.find(({ name }) => name === '[[Scopes]]');
    if (!list) return [];
    const { result } = this.#post('Runtime.getProperties', { objectId: list.value.objectId, ownProperties: true });
    return result
      .filter(({ name, value }) => /^\d+$/.test(name) && !/^(?:Script|Global)\b/.test(value.description ?? ''))
      .map(({ value }) => {
        const { result: variables } = this.#post('Runtime.getProperties', {
          objectId: value.objectId,
          ownProperties: true,
        });
        return {
          kind: value.description,
          names: variables.map(({ name }) => name),
          values: variables.map(({ value: each }) => this.#value(each)),
        };
      });
  }

  release() {
    this.#post('Runtime.releaseObjectGroup', { objectGroup: 'state' });
  }

  #properties(value) {
    globalThis.__look = value;
    try {
      const { result } = this.#post('Runtime.evaluate', { expression: 'globalThis.__look', objectGroup: 'state' });
      return this.#post('Runtime.getProperties', { objectId: result.objectId, ownProperties: true });
    } finally {
      delete globalThis.__look;
    }
  }

  #value(remote) {
    if (!remote || remote.type === 'undefined') return undefined;
    if (!remote.objectId) return remote.unserializableValue ? unserializable(remote.unserializableValue) : remote.value;
    if (!this.#receiver) {
      globalThis.__take = (box) => {
        this.#taken = box;
      };
      this.#receiver = this.#post('Runtime.evaluate', { expression: 'globalThis.__take' }).result.objectId;
      delete globalThis.__take;
    }
    this.#post('Runtime.callFunctionOn', {
      objectId: this.#receiver,
      functionDeclaration: 'function (value) { this({ value }); }',
      arguments: [{ objectId: remote.objectId }],
    });
    return this.#taken.value;
  }
}

function unserializable(text) {
  if (text === '-0') return -0;
  return text.endsWith('n') ? BigInt(text.slice(0, -1)) : Number(text);
}

module.exports = { Scopes };
