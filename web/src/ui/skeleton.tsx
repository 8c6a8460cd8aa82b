// Grey lines in the shape of what is coming, shown only when it takes a moment.
import { useEffect, useState } from "react";

export function Skeleton({ lines = 3, label }: { lines?: number; label: string }) {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 200);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div role="status" aria-label={label} className="flex flex-col gap-3 py-2">
      {isLate && Array.from({ length: lines }, (_, at) => <div key={at} className="h-4 w-full rounded-sm bg-sunken odd:w-4/5" />)}
    </div>
  );
}
