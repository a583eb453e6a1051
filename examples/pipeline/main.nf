// Counts the days of a table, and reports the number. Two small tasks, to try a queue with.

process COUNT {
  input:
  path 'days.csv'

  output:
  path 'count.txt'

  script:
  """
  tail -n +2 days.csv | wc -l | tr -d ' ' > count.txt
  """
}

process REPORT {
  publishDir params.outdir, mode: 'copy'

  input:
  path 'count.txt'

  output:
  path 'report.txt'

  script:
  """
  printf 'days: %s\\n' "\$(cat count.txt)" > report.txt
  """
}

workflow {
  COUNT(file(params.input))
  REPORT(COUNT.out)
}
