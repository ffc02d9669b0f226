"""Measure a generator on a camera's test images.

Reads: generator (of a method that is trained), test_lr, test_hr, lpips_weights (where the edition has them).
Writes: metrics, of every image and their means.
"""


rule evaluate:
    input:
        unpack(jobs.inputs("evaluate")),
    output:
        **jobs.outputs("evaluate"),
    log:
        f"{FOLDER}/log_{{camera}}.txt",
    threads: jobs.threads("evaluate")
    resources:
        **jobs.resources("evaluate"),
    params:
        key=jobs.key("evaluate"),
        command=jobs.command("evaluate"),
    shell:
        "{params.command} > {log} 2>&1"


# A method without training, such as bicubic, has no generator file.
use rule evaluate as evaluate_untrained with:
    output:
        **jobs.outputs("evaluate", without=OF_TRAINING),
    log:
        f"{UNTRAINED}/log_{{camera}}.txt",
