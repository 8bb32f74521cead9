import { marked, type Token, type Tokens } from 'marked';
import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { Code } from './code.tsx';

/** Turns the address of a link into one that may be opened; undefined: it stays text. */
export type LinkOf = (href: string) => { readonly href: string; readonly isFile: boolean } | undefined;

const webLink: LinkOf = (href) => (/^(https?:|mailto:)/i.test(href) ? { href, isFile: false } : undefined);

/**
 * Markdown as nodes. It is only taken apart by the library: no markup from a text enters the page, and HTML in it stays text.
 */
export function Markdown({ source, linkOf = webLink }: { source: string; linkOf?: LinkOf }) {
  const tokens = useMemo(() => marked.lexer(source, { gfm: true }), [source]);
  return <div class="prose">{blocks(tokens, linkOf)}</div>;
}

function blocks(tokens: readonly Token[], linkOf: LinkOf): ComponentChildren {
  return tokens.map((token) => block(token, linkOf));
}

function block(token: Token, linkOf: LinkOf): ComponentChildren {
  switch (token.type) {
    case 'space':
    case 'def':
      return null;
    case 'heading': {
      const Tag = `h${Math.min(6, (token as Tokens.Heading).depth + 1)}` as 'h2';
      return <Tag>{inline(token.tokens ?? [], linkOf)}</Tag>;
    }
    case 'paragraph':
      return <p>{inline(token.tokens ?? [], linkOf)}</p>;
    case 'code':
      return <Code source={token.text} language={token.lang ?? ''} />;
    case 'blockquote':
      return <blockquote>{blocks(token.tokens ?? [], linkOf)}</blockquote>;
    case 'hr':
      return <hr />;
    case 'list': {
      const { ordered, start, items } = token as Tokens.List;
      const content = items.map((item) => (
        <li>
          {item.task && <input type="checkbox" checked={item.checked ?? false} disabled aria-label="Done" />}
          {blocks(item.tokens, linkOf)}
        </li>
      ));
      return ordered ? <ol start={Number(start) || 1}>{content}</ol> : <ul>{content}</ul>;
    }
    case 'table': {
      const { header, rows, align } = token as Tokens.Table;
      const side = (at: number) => (align[at] === 'right' ? 'r' : '');
      return (
        <div class="wide-table">
          <table>
            <thead>
              <tr>
                {header.map((cell, at) => (
                  <th class={side(at)}>{inline(cell.tokens, linkOf)}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr>
                  {row.map((cell, at) => (
                    <td class={side(at)}>{inline(cell.tokens, linkOf)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      );
    }
    case 'text':
      return token.tokens ? inline(token.tokens, linkOf) : plain(token.text);
    default:
      return <p>{token.raw}</p>;
  }
}

function inline(tokens: readonly Token[], linkOf: LinkOf): ComponentChildren {
  return tokens.map((token): ComponentChildren => {
    switch (token.type) {
      case 'strong':
        return <strong>{inline(token.tokens ?? [], linkOf)}</strong>;
      case 'em':
        return <em>{inline(token.tokens ?? [], linkOf)}</em>;
      case 'del':
        return <del>{inline(token.tokens ?? [], linkOf)}</del>;
      case 'codespan':
        return <code>{plain(token.text)}</code>;
      case 'br':
        return <br />;
      case 'link':
        return link(token as Tokens.Link, inline(token.tokens ?? [], linkOf), linkOf);
      case 'image':
        return link(token as Tokens.Image, plain((token as Tokens.Image).text || 'image'), linkOf);
      case 'text':
      case 'escape':
        return 'tokens' in token && token.tokens ? inline(token.tokens, linkOf) : plain(token.text);
      default:
        return token.raw;
    }
  });
}

function link({ href }: { href: string }, words: ComponentChildren, linkOf: LinkOf): ComponentChildren {
  const found = linkOf(href);
  if (!found) return <span title={href}>{words}</span>;
  return found.isFile ? (
    <a href={found.href}>{words}</a>
  ) : (
    <a href={found.href} target="_blank" rel="noreferrer noopener">
      {words}
    </a>
  );
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", nbsp: ' ' };

/** The library leaves entities in plain text. */
const plain = (text: string) => text.replace(/&(amp|lt|gt|quot|#39|nbsp);/g, (_, name: string) => entities[name]!);
