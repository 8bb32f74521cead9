import { section } from '../setting.ts';
import { flag, origins } from '../values.ts';

const setting = section('MCP');

export const mcp = {
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
