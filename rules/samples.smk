"""Enlarge a camera's test images with a generator and keep crops of them, for reports and figures.

Reads: generator (of a method that is trained), test_lr.
Writes: samples, the crops that the settings of the data set name.
"""


rule samples:
    input:
        unpack(jobs.inputs("samples")),
    output:
        **jobs.outputs("samples"),
    log:
        f"{FOLDER}/log_samples_{{camera}}.txt",
    threads: jobs.threads("samples")
    resources:
        **jobs.resources("samples"),
    params:
        key=jobs.key("samples"),
        command=jobs.command("samples"),
    shell:
        "{params.command} > {log} 2>&1"


# A method without training, such as bicubic, has no generator file.
use rule samples as samples_untrained with:
    output:
        **jobs.outputs("samples", without=OF_TRAINING),
    log:
        f"{UNTRAINED}/log_samples_{{camera}}.txt",
