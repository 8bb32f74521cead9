const dataUrl = /^data:([\w.+-]{1,64}\/[\w.+-]{1,96})?(?:;[\w=-]{1,64})*;base64,/i;

/** What a `data:` URL in base64 holds; undefined for anything else. */
export function readDataUrl(url: string): { readonly mime: string; readonly base64: string } | undefined {
  const [head, mime] = dataUrl.exec(url.slice(0, 512)) ?? [];
  return head === undefined ? undefined : { mime: mime?.toLowerCase() ?? 'text/plain', base64: url.slice(head.length) };
}

/** Bytes of base64 in either alphabet; undefined for anything else. */
export function readBase64(base64: string): Buffer | undefined {
  return /^[\w+/-]*={0,2}\s*$/.test(base64) ? Buffer.from(base64, 'base64') : undefined;
}
