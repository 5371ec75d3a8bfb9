// A receiver of calls: it fails twice, then verifies the signature as https://www.standardwebhooks.com says.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

const [, , secretFile] = process.argv;
const say = (line) => process.stdout.write(`${line}\n`);
let failures = 2;

function isGenuine(headers, body) {
  const key = Buffer.from(readFileSync(secretFile, 'utf8').trim().replace('whsec_', ''), 'base64');
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const expected = createHmac('sha256', key).update(signed).digest();
  const isRecent = Math.abs(Date.now() / 1000 - Number(headers['webhook-timestamp'])) < 300;
  const given = headers['webhook-signature']
    .split(' ')
    .map((one) => Buffer.from(one.replace('v1,', ''), 'base64'));
  return isRecent && given.some((one) => one.length === expected.length && timingSafeEqual(one, expected));
}

/** The status with which a call is answered. */
function take(headers, body) {
  if (failures-- > 0) {
    say('failing this one');
    return 500;
  }
  const genuine = isGenuine(headers, body);
  const { type, data } = JSON.parse(body);
  say(`${genuine ? 'genuine' : 'FORGED'}: ${type}: ${data.text.split('\n')[0]}`);
  return genuine ? 204 : 401;
}

const server = createServer((request, response) => {
  void text(request).then((body) => response.writeHead(take(request.headers, body)).end());
});
server.listen(0, '127.0.0.1', () => say(server.address().port));
