// Tests of the tests: the checks must catch every planted fault and pass what is right.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { INNOCENT, PLANTED } from '../support/planted.ts';

fc.configureGlobal({ seed: 20261124 }); // what is caught here must not depend on luck

describe('planted faults are caught', () => {
  for (const { fault, caughtBy } of PLANTED)
    test(fault, () => {
      const said = caughtBy();
      if (process.env.SHOW_CAUGHT) console.log(`${fault} <- ${said?.slice(0, 300)}`); // by which check, to read
      expect(said).not.toBeNull();
    });
});

describe('right operations pass', () => {
  for (const { fault, caughtBy } of INNOCENT)
    test(fault, () => {
      expect(caughtBy()).toBeNull();
    });
});
