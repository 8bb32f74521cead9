/** Content security policies of the face. What programs made is shown in frames alone, each under a policy of its own. */

/** The one `<style>` that Observable Plot writes into its charts. */
const plotStyle = "'sha256-jSYQUrW7J0b3jPqhZP9C2Xh1PyJKHKXd4s0fpGGKrww='";

/** Headers that every page of the face has. */
export const pageHeaders = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'SAMEORIGIN',
} as const;

/** Of the application: its own scripts, no markup from strings, frames of this service alone. */
export function pagePolicy(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}' ${plotStyle}`,
    "img-src 'self' blob: data:",
    "font-src 'self'",
    "connect-src 'self'",
    "frame-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}

/**
 * Of a frame with output: an origin that nothing shares, and no network. `still` runs our script alone; `live` also runs what the output
 * brings, after its user has asked for that.
 */
export function framePolicy(kind: 'still' | 'live', nonce: string): string {
  const scripts =
    kind === 'still' ? `'nonce-${nonce}'` : `'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' data: blob:`;
  return [
    'sandbox allow-scripts',
    "default-src 'none'",
    `script-src ${scripts}`,
    "style-src 'unsafe-inline'",
    'img-src data: blob:',
    'font-src data:',
    'media-src data: blob:',
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'self'",
  ].join('; ');
}
