// A few numbers in a box, each with its name below it.
import type { ReactNode } from "react";

export function Figures({ label, figures, children }: { label: string; figures: ReadonlyArray<readonly [name: string, amount: string]>; children?: ReactNode }) {
  return (
    <div className="mb-6 rounded-lg border border-line bg-surface px-4 py-3">
      <h3 className="text-[13.5px] text-ink-2">{label}</h3>
      <dl className="mt-1 grid grid-cols-2 gap-x-6 gap-y-2 sm:grid-cols-4">
        {figures.map(([name, amount]) => (
          <div key={name} className="flex flex-col-reverse">
            <dt className="text-[13px] text-ink-2">{name}</dt>
            <dd className="num text-[18px] font-medium">{amount}</dd>
          </div>
        ))}
      </dl>
      {children}
    </div>
  );
}
