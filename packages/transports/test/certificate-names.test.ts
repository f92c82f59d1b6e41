import { X509Certificate } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { certificateNames } from '../src/tls/certificate-names.ts';
import { TestCa } from './certificates.ts';

const ca = await TestCa.make();
afterAll(() => ca.remove());

describe('the names in a certificate', () => {
  it.each([
    ['alice', ['alice.example', 'a.example'], ['alice', 'alice.example', 'a.example']],
    ['alice', [], ['alice']],
    ['a.example', ['a.example'], ['a.example']],
    ['alice', ['x.example, DNS:admin', 'y.example'], ['alice', 'y.example']],
    ['alice', ['"DNS:admin"'], ['alice']],
  ])('of %j with %j are %j', async (commonName, names, found) => {
    const { cert } = await ca.issue(commonName, { names });
    expect(certificateNames(new X509Certificate(cert))).toEqual(found);
  });
});
