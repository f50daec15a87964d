// The named classes, as bars.

import { byId, make, percent } from './dom.ts';
import type { Named } from './model.ts';

export function showClasses(top: readonly Named[]): void {
  byId('classes', HTMLOListElement).replaceChildren(
    ...top.map(({ emoji, name, probability }) => {
      const bar = make('span', { className: 'bar' });
      bar.style.setProperty('--share', String(probability));
      return make(
        'li',
        {},
        make('span', { className: 'emoji', ariaHidden: 'true' }, emoji),
        make('span', { className: 'name' }, name),
        make('span', { className: 'share' }, percent(probability)),
        bar,
      );
    }),
  );
}
