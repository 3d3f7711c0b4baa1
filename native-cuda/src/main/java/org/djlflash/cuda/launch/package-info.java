/** Access to the CUDA driver: devices, modules, launches and their errors. */
package org.djlflash.cuda.launch;
