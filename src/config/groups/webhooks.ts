import { section } from '../setting.ts';
import { flag, httpUrl, webhookSecret } from '../values.ts';

const setting = section('Webhooks');

export const webhooks = {
  url: setting('DRAGOMAN_WEBHOOK_URL', {
    value: httpUrl(),
    unset: 'none is sent',
    help: 'Address that hears when a background response ends, as OpenAI’s webhooks tell it.',
  }),
  secret: setting('DRAGOMAN_WEBHOOK_SECRET', {
    value: webhookSecret(),
    secret: true,
    unset: 'none: no webhook is sent',
    help: 'Key that webhooks are signed with: `whsec_` and 24 to 64 bytes in base64. Their receiver checks the signature with the same one.',
  }),
  allowsPrivate: setting('DRAGOMAN_WEBHOOK_PRIVATE', {
    value: flag(),
    default: 'false',
    help: 'Whether webhooks may go to this machine and to private networks.',
  }),
};
