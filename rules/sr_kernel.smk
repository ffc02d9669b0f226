"""Estimate the blur kernel that leads from a generator's SR back to the LR it was made from.

Reads: generator (of a method that is trained), test_lr.
Writes: kernel.
"""


rule sr_kernel:
    input:
        unpack(jobs.inputs("sr_kernel")),
    output:
        **jobs.outputs("sr_kernel"),
    log:
        f"{FOLDER}/log_kernel_{{camera}}.txt",
    threads: jobs.threads("sr_kernel")
    resources:
        **jobs.resources("sr_kernel"),
    params:
        key=jobs.key("sr_kernel"),
        command=jobs.command("sr_kernel"),
    shell:
        "{params.command} > {log} 2>&1"


# A method without training, such as bicubic, has no generator file.
use rule sr_kernel as sr_kernel_untrained with:
    output:
        **jobs.outputs("sr_kernel", without=OF_TRAINING),
    log:
        f"{UNTRAINED}/log_kernel_{{camera}}.txt",
