import { section } from '../setting.ts';
import { flag, httpUrl, origins } from '../values.ts';

const setting = section('MCP');

export const mcp = {
  publicUrl: setting('DRAGOMAN_PUBLIC_URL', {
    value: httpUrl(),
    unset: 'results hold no addresses for people',
    help: 'The service as people reach it, as `https://code.example.org`. Results of MCP tools then hold an address for each file that code made, which needs no key and ends after three days.',
  }),
  origins: setting('DRAGOMAN_ALLOWED_ORIGINS', {
    value: origins(),
    unset: 'pages of this machine alone',
    help: 'Web pages that may call `/mcp`, as `https://host`, separated by commas. Programs need not be listed.',
  }),
  links: setting('DRAGOMAN_MCP_LINKS', {
    value: flag(),
    default: 'true',
    help: 'Results of MCP tools link the files that code made. A client can leave links out with `x-dragoman-links: off`.',
  }),
};
