'use strict';
// Finds the imports and exports of a module without parsing the rest: strings, comments, templates and regular expressions are
// stepped over, and whatever is odd is left for V8 to complain about.

const wordsBeforeRegExp = /^(?:return|typeof|case|in|of|do|else|void|delete|instanceof|new|throw|await|yield)$/;
const importClause =
  /import\s*(?:([\w$]+)\s*(?:,\s*)?)?(?:\*\s*as\s+([\w$]+)|\{([^}]*)\})?\s*(?:from\s*)?(?=["'])(["'])((?:\\.|(?!\4).)*)\4(?:\s*with\s*(\{[^}]*\}))?[ \t]*;?/y;
const exportList = /export\s*\{[^}]*\}[ \t]*;?(?!\s*from)/y;
const exportDefault = /export\s+default\b\s*/y;
/** A default that declares a name; any other is a value, even where a statement would begin as it does. */
const named = /(?:(?:async\s+)?function\b\s*\*?\s*|class\s+(?!extends\b))[\p{ID_Start}$_]/uy;
const exportDeclaration = /export\s+(?=(?:async|function|class|const|let|var)\b)/y;

/** What to put in place of each import, export, import() and import.meta: {start, end, text}, in order. */
function statements(code) {
  const found = [];
  const scan = new Scan(code);
  for (let token = scan.next(); token; token = scan.next()) {
    if (token.text !== 'import' && token.text !== 'export') continue;
    if (scan.before === '.') continue;
    const made = token.text === 'import' ? importAt(code, token, scan) : exportAt(code, token, scan);
    if (!made) continue;
    found.push(made);
    scan.skipTo(made.end);
  }
  return found;
}

function importAt(code, { start }, { depth }) {
  const rest = /\s*(\(|\.\s*meta\b)/y;
  rest.lastIndex = start + 6;
  const call = rest.exec(code);
  if (call) {
    if (call[1] === '(') return { start, end: start + 6, text: '__import' };
    return { start, end: rest.lastIndex, text: '__meta' };
  }
  if (depth > 0) return undefined;
  importClause.lastIndex = start;
  const clause = importClause.exec(code);
  if (!clause) return undefined;
  const [, own, all, names, , specifier, attributes] = clause;
  const load = `await __import(${JSON.stringify(specifier)}${attributes ? `, { with: ${attributes} }` : ''})`;
  const parts = [own && `default: ${own}`, names?.trim() && names.replace(/\s+as\s+/g, ': ')]
    .filter(Boolean)
    .join(', ');
  const text = all
    ? `const ${all} = ${load}${own ? `, { default: ${own} } = ${all}` : ''};`
    : parts
      ? `const { ${parts} } = ${load};`
      : `${load};`;
  return { start, end: importClause.lastIndex, text };
}

function exportAt(code, { start }, { depth }) {
  if (depth > 0) return undefined;
  for (const pattern of [exportList, exportDefault, exportDeclaration]) {
    pattern.lastIndex = start;
    if (!pattern.test(code)) continue;
    named.lastIndex = pattern.lastIndex;
    return { start, end: pattern.lastIndex, text: pattern !== exportDefault || named.test(code) ? '' : '0, ' };
  }
  return undefined;
}

/** Steps from word to word, with the depth of brackets and what stood before. */
class Scan {
  #code;
  #at = 0;
  #last = '';
  /** For each open `${`: the depth at which its brace closes. */
  #templates = [];
  depth = 0;
  before = '';

  constructor(code) {
    this.#code = code;
  }

  skipTo(at) {
    this.#at = at;
    this.#last = ';';
  }

  next() {
    const code = this.#code;
    while (this.#at < code.length) {
      const char = code[this.#at];
      if (/\s/.test(char)) this.#at++;
      else if (code.startsWith('//', this.#at)) this.#skip(/[^\n]*/y);
      else if (code.startsWith('/*', this.#at)) this.#skip(/\/\*[\s\S]*?(?:\*\/|$)/y);
      else if (char === '"' || char === "'") this.#take(/(["'])(?:\\[\s\S]|(?!\1)[^\n])*\1?/y);
      else if (char === '`') this.#template();
      else if (char === '/' && this.#startsRegExp()) this.#take(/\/(?:\\.|\[(?:\\.|[^\]\n])*\]|[^/\n])*\/?[a-z]*/y);
      else if (/[\w$]/.test(char)) return this.#word();
      else this.#mark(char);
    }
    return undefined;
  }

  #word() {
    const start = this.#at;
    this.before = this.#last;
    this.#skip(/[\w$]+/y);
    this.#last = this.#code.slice(start, this.#at);
    return { start, text: this.#last };
  }

  #mark(char) {
    this.#at++;
    this.#last = char;
    if ('([{'.includes(char)) this.depth++;
    if (')]}'.includes(char)) this.depth--;
    if (char === '}' && this.#templates.at(-1) === this.depth) {
      this.#templates.pop();
      this.#rest();
    }
  }

  #template() {
    this.#at++;
    this.#rest();
  }

  /** The text of a template up to its end or its next `${`. */
  #rest() {
    this.#skip(/(?:\\[\s\S]|\$(?!\{)|[^`\\$])*/y);
    if (this.#code.startsWith('${', this.#at)) {
      this.#templates.push(this.depth);
      this.depth++;
      this.#at += 2;
      this.#last = '{';
    } else {
      this.#at++;
      this.#last = '`';
    }
  }

  #startsRegExp() {
    return this.#last === '' || /^[^\w$)\]}`"]$/.test(this.#last) || wordsBeforeRegExp.test(this.#last);
  }

  #take(pattern) {
    this.#skip(pattern);
    this.#last = '"';
  }

  #skip(pattern) {
    pattern.lastIndex = this.#at;
    pattern.exec(this.#code);
    this.#at = Math.max(pattern.lastIndex, this.#at);
  }
}

module.exports = { statements };
